"""How soon changes of the catalogue count: the load beside them, and the changes themselves."""
