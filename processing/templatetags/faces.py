"""Words for what pages say about faces."""

from django import template

from processing import queries

register = template.Library()
register.filter("reason_label", queries.reason_label)
