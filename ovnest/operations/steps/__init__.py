"""What several operations share: finding what a caller may see, choosing addresses, claiming a tag."""
