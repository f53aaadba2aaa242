"""What a person fills in to submit or revise a template."""

from django import forms
from django.template.defaultfilters import filesizeformat

LIMIT = 200 * 2**20


class VideoForm(forms.Form):
    video = forms.FileField(
        help_text="A film of 1 second to 5 minutes, at most 200 MB, in which one person is seen from near.",
        widget=forms.FileInput(attrs={"accept": "video/*"}),
        error_messages={"required": f"Choose a film of at most {filesizeformat(LIMIT)}."},
    )

    def clean_video(self):
        video = self.cleaned_data["video"]
        if video.size > LIMIT:
            raise forms.ValidationError(
                f"{video.name} has {filesizeformat(video.size)}: send a film of at most {filesizeformat(LIMIT)}."
            )
        return video


class TemplateForm(VideoForm):
    title = forms.CharField(max_length=120)
    description = forms.CharField(
        required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 4}), help_text="What is seen, and what it is for."
    )
    field_order = ["title", "description", "video"]
