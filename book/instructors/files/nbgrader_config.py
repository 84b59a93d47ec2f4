"""For everybody on the hub: /etc/jupyter/nbgrader_config.py."""

c = get_config()  # noqa: F821 - provided by nbgrader
c.CourseDirectory.course_id = "spring"
c.Exchange.root = "/srv/nbgrader/exchange"
c.Exchange.timezone = "UTC"
