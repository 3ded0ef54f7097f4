"""What may be searched: heads, losses and the study file. Needs numpy and pydantic alone."""
