"""Signing up, in and out."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from twinvault.accounts.forms import SignInForm, SignUpForm


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    going_to = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(going_to, {request.get_host()}, require_https=request.is_secure()):
        going_to = ""
    if request.user.is_authenticated:
        return redirect(going_to or "dashboard")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        login(request, user)
        messages.success(request, f"Welcome, {user.called}.")
        return redirect(going_to or "dashboard")
    return render(request, "accounts/sign_up.html", {"form": form, "next": going_to}, status=400 if form.is_bound else 200)


class SignIn(LoginView):
    form_class = SignInForm
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)


sign_in = SignIn.as_view()
sign_out = LogoutView.as_view()
