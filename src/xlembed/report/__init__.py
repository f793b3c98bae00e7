"""All results of a task as one page, as tables and as a paper: the room that knows every study."""
