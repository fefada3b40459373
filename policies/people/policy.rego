# The same as policy.cedar.
package countersign

default decision := {"effect": "deny", "policies": []}

claims := input.subject.properties.claims

groups := object.get(claims, "groups", [])

roles := object.get(claims, "roles", [])

name := input.action.name

of_the_desk := {"desk/search_tickets", "desk/read_ticket", "desk/answer_ticket", "desk/export_tickets", "desk/configure"}

support if "support" in groups

support if "support-leads" in groups

permits contains "session" if {
	some group in input.action.properties.groups
	group in {"mcp:control", "mcp:list"}
}

permits contains "support-reads-tickets" if {
	name in {"desk/search_tickets", "desk/read_ticket"}
	support
}

permits contains "support-answers-tickets" if {
	name == "desk/answer_ticket"
	support
}

permits contains "leads-export" if {
	name == "desk/export_tickets"
	"support-leads" in groups
}

permits contains "admins-configure" if {
	name == "desk/configure"
	"desk-admin" in roles
}

forbids contains "own-tenant" if {
	name in of_the_desk
	not input.context.args.tenant == claims.tenant
}

forbids contains "guests-do-not-export" if {
	name == "desk/export_tickets"
	claims.guest
}

asks contains "exports-are-approved" if {
	name == "desk/export_tickets"
	not input.context.approval
}

decision := {"effect": "allow", "policies": [id | some id in permits]} if {
	count(permits) > 0
	count(forbids) == 0
	count(asks) == 0
}

decision := {"effect": "deny", "policies": [id | some id in (forbids | asks)]} if count(forbids) > 0

decision := {
	"effect": "step_up",
	"policies": [id | some id in asks],
	"approvers": ["data-protection"],
	"reasons": ["An export leaves the desk with what people wrote to it."],
} if {
	count(permits) > 0
	count(forbids) == 0
	count(asks) > 0
}

decision := {"effect": "deny", "policies": [id | some id in asks]} if {
	count(permits) == 0
	count(forbids) == 0
	count(asks) > 0
}
