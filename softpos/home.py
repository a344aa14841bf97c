"""The front door: everybody to the page their role begins with."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from merchants.permissions import may, member_of


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Owner and accountant to the dashboard, cashier to the terminal; who belongs nowhere is told so."""
    member = member_of(request.user)
    if member is None:
        return render(request, "no_merchant.html", status=403)
    return redirect("dashboard" if may(member.role, "read_all") else "terminal")
