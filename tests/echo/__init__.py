"""The echo programs, each as a real process on loopback: one table of tests over all of them."""
