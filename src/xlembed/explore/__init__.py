"""Study explore: every query with the rankings of several models side by side, and why a query fails."""
