# The same as policy.cedar: agents read freely, pay known payees small amounts by themselves, and ask people about the rest.
# Amounts are in minor units (10000 is 100.00). Needs countersign-rego.wasm.

package countersign

default decision := {"effect": "deny", "policies": []}

name := input.action.name

groups := {group | some group in input.action.properties.groups}

args := input.context.args

approved if input.context.approval

transfer if name == "payments/create_transfer"

refund if name == "payments/refund"

# What moves money, and what decides where it can go.
money if name in {"payments/create_transfer", "payments/refund", "payments/add_payee"}

amount := args.amount if name in {"payments/create_transfer", "payments/refund"}

obligations := []

# ---- permits -------------------------------------------------------------------------------------------------------

permits contains "session" if "mcp:control" in groups

permits contains "session" if "mcp:list" in groups

permits contains "reads" if name in {"payments/get_balance", "payments/list_transactions", "payments/list_payees"}

permits contains "money" if money

# ---- who may move money ----------------------------------------------------------------------------------------------

forbids["browsers-move-no-money"] := {"reason": "An agent that browses, or acts for or through one, moves no money."} if {
	money
	"browsing" in input.context.traits
}

unhealthy := {"shared_account", "long_lived", "wildcard_grant"}

forbids["money-needs-a-healthy-credential"] := {"reason": "Money is not moved with a credential that is shared, long-lived or wider than the task."} if {
	money
	some finding in input.context.findings
	finding in unhealthy
}

forbids["money-needs-a-purpose"] := {"reason": "A task that moves money says what for; whoever approves is shown it."} if {
	money
	not input.context.task.purpose
}

# ---- what nobody may approve -----------------------------------------------------------------------------------------

forbids["currencies"] := {"reason": "Transfers and refunds are in EUR or CHF."} if {
	amount
	not args.currency in {"EUR", "CHF"}
}

forbids["amounts-are-positive"] := {"reason": "An amount below 1 is a mistake, or takes money instead of giving it."} if amount < 1

forbids["transfers-have-a-limit"] := {"reason": "A transfer of more than 10000.00 is made by people, not by agents."} if {
	transfer
	amount > 1000000
}

forbids["refunds-have-a-limit"] := {"reason": "A refund of more than 1000.00 is made by people, not by agents."} if {
	refund
	amount > 100000
}

# ---- what people approve ---------------------------------------------------------------------------------------------

forbids["large-transfers-need-approval"] := {"approver": "treasury", "reason": "The transfer is of more than 500.00."} if {
	transfer
	amount > 50000
	not approved
}

forbids["large-refunds-need-approval"] := {"approver": "treasury", "reason": "The refund is of more than 100.00."} if {
	refund
	amount > 10000
	not approved
}

# Names that only look like one of these are others.
known := {"acme-supplies", "city-utilities", "office-rent"}

forbids["unknown-payees-need-approval"] := {"approver": "payee-review", "reason": "The payee is none of those that agents pay by themselves."} if {
	transfer
	not args.payee in known
	not approved
}

forbids["new-payees-need-approval"] := {"approver": "payee-review", "reason": "Somebody would be added to those that can be paid."} if {
	name == "payments/add_payee"
	not approved
}

# ---- the decision: all of what forbids, else all of what permits --------------------------------------------------

# Those that no approval lifts.
final contains id if {
	some id, forbid in forbids
	not forbid.approver
}

decision := {"effect": "allow", "policies": permits, "obligations": obligations} if {
	count(permits) > 0
	count(forbids) == 0
}

decision := {"effect": "deny", "policies": object.keys(forbids), "reasons": reasons} if count(final) > 0

# Whether the approval would be enough is found out before anybody is asked.
decision := {"effect": "step_up", "policies": object.keys(forbids), "reasons": reasons, "approvers": approvers} if {
	count(forbids) > 0
	count(final) == 0
}

reasons := {forbid.reason | some forbid in forbids}

approvers := {forbid.approver | some forbid in forbids}
