"""The commands of `lab`, a module a group of them; `lab.cli` puts them together."""
