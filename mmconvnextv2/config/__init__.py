"""Find, check and summarise configs."""
