"""By what bounds faces are judged, as a person sets them."""

from collections.abc import Iterable

from django import forms

from processing.dataset_queries import Cost


class ThresholdsForm(forms.Form):
    """A field for each bound, in the unit in which pages show it. `changes` has what was moved, in the unit of the measure."""

    def __init__(self, costs: Iterable[Cost], data=None):
        super().__init__(data)
        self.costs = list(costs)
        for cost in self.costs:
            bound = cost.bound
            self.fields[bound.name] = forms.FloatField(
                label=f"{bound.label} ({bound.unit})",
                min_value=_shown(cost, bound.least),
                max_value=_shown(cost, bound.most),
                initial=_shown(cost, cost.value),
                help_text=" ".join([bound.hint, f"Usually {_shown(cost, cost.usual)}.", _words(cost)]).strip(),
                widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
            )

    @property
    def changes(self) -> dict[str, float]:
        shown = {cost.bound.name: cost.bound.shown for cost in self.costs}
        return {name: round(self.cleaned_data[name] / shown[name], 6) for name in self.changed_data}


def _shown(cost: Cost, value: float) -> float:
    """A value of the measure in the unit of pages; whole numbers without a point."""
    shown = round(value * cost.bound.shown, 4)
    return int(shown) if shown == int(shown) else shown


def _words(cost: Cost) -> str:
    if cost.beyond is None or not cost.bound.column:
        return ""
    if not cost.beyond:
        return "It puts no face aside just now."
    alone = f", {cost.alone:,} of them for nothing else" if cost.alone != cost.beyond else ", for nothing else"
    return f"It puts {cost.beyond:,} face{'' if cost.beyond == 1 else 's'} aside just now{alone}."
