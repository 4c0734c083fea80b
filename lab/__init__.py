"""A network lab in containers: see and measure what UDP drops and TCP repairs."""
