"""What service_speed.py, restarts.py and soak.py share: a load client, real requests, a balancer, memory."""
