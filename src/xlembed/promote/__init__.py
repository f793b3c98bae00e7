"""Let the champion's alias stand for a better version, or back."""
