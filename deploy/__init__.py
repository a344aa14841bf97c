"""What operators start SoftPOS with: compose file, systemd units, Caddyfile, and the same parts without containers."""
