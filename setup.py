"""A shim over pyproject.toml for tools that ask for a setup.py: Beam's --setup_file builds its package from it."""

from setuptools import setup

setup()
