"""What plug-ins implement and what the stages hand on."""
