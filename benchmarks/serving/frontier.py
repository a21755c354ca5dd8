"""Quality against time, a bundle a point."""
def main(argv): raise SystemExit("not yet")
