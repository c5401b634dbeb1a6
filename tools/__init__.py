"""Scripts that make what is shipped; not packaged."""
