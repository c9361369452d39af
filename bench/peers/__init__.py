"""What Reclave is measured against: each system in a folder of its own, and how the benchmark drives them."""
