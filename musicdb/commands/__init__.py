"""The commands of `musicdb`, a module per theme; importing them imports click and nothing else."""
