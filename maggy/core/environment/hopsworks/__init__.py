"""The platform Hopsworks: records in HopsFS, and services that show experiments and hold data."""

from maggy.core.environment.hopsworks.environment import HopsworksEnvironment, HopsworksRegistration

__all__ = ["HopsworksEnvironment", "HopsworksRegistration"]
