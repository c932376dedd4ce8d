"""Past one machine: the network of part 2, trained and used by scripts."""
