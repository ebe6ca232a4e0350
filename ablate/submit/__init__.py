"""Studies as cluster batch jobs: what is sent to Slurm, Ray or Kubernetes, and what became of it."""
