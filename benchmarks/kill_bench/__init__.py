"""What kill -9 loses: writers that remember what was acknowledged, what is killed, and an audit."""
