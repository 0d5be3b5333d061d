"""Packaging of Maggy."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
EXTRAS = {
    **runpy.run_path(str(ROOT / "maggy" / "common" / "extras.py"))["EXTRAS"],
    # The site: tox -e docs. It imports maggy.testing, which needs pytest.
    "docs": ["furo>=2024.8", "myst-parser>=4.0", "pytest>=8.0", "sphinx>=8.0"],
    # The benchmarks compare Maggy with these.
    "bench": [
        "hyperopt>=0.3",
        "joblibspark>=0.6",
        "mlflow>=3.4",
        "optuna>=5.0",
        "psutil>=5.9",
        "ray[tune]>=2.40",
    ],
}
EXTRAS["dev"] = [
    *EXTRAS["optuna"],
    *EXTRAS["tensorflow"],
    *EXTRAS["plots"],
    *EXTRAS["stats"],
    *EXTRAS["mlflow"],
    *EXTRAS["report"],
    *EXTRAS["notebook"],
    *EXTRAS["terminal"],
    *EXTRAS["s3"],
    *EXTRAS["hopsworks"],
    "codespell>=2.3",
    "cryptography>=42",
    "flask>=3.0",
    "flask-cors>=5.0",
    "hypothesis>=6.100",
    "moto[s3]>=5.0",
    "mypy>=1.13",
    "nbclient>=0.10",
    "nbformat>=5.10",
    "psutil>=5.9",
    "pyarrow>=15",
    "pyspark[connect]>=3.5",
    "pytest>=8.0",
    "pytest-cov>=5.0",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "ruff>=0.8",
    "scikit-learn>=1.4",
]

setup(
    name="maggy",
    version=runpy.run_path(str(ROOT / "maggy" / "version.py"))["__version__"],
    description="Asynchronous hyperparameter search and ablation studies on Apache Spark",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The Maggy authors",
    # This repository has no public address yet. Add it here as "Source" and "Issues" once it has.
    project_urls={"Original, up to 1.1.2": "https://github.com/logicalclocks/maggy"},
    license="Apache-2.0",
    keywords="hyperparameter optimization, ablation study, Apache Spark, PySpark, machine learning",
    python_requires=">=3.10",
    packages=find_packages(include=["maggy", "maggy.*"]),
    package_data={
        "maggy": ["py.typed", "common/spark_logging/*.xml", "live/*.css", "live/*.js"],
        "maggy.result.report": ["assets/*"],
    },
    install_requires=[
        "fsspec>=2024.10",
        "msgspec>=0.18",
        "numpy>=1.26",
        "pyspark>=3.5",
        "pyzmq>=25.1",
        "tqdm>=4.66",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["maggy = maggy.cli.command_line:main"]},
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: System :: Distributed Computing",
        "Typing :: Typed",
    ],
)
