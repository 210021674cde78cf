"""The template's resources, a module for each concern."""
