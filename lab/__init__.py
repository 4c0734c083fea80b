"""A network lab in containers: see and measure what UDP drops and TCP repairs."""

__version__ = "0.1.0"
