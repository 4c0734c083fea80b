"""What runs inside the containers: the standard library and nothing else."""
