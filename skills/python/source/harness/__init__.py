"""What runs the code of a call and says what came of it; knows nothing of components."""
