"""What gradlab costs, as ratios within one run on one thread; `make bench` prints them."""
