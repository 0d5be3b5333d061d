"""The platform Hopsworks: records in HopsFS, experiments and data sets that its services know."""

from maggy.core.environment.hopsworks.environment import HopsworksEnvironment, HopsworksRegistration

__all__ = ["HopsworksEnvironment", "HopsworksRegistration"]
