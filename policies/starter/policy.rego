# The same as policy.cedar: the session works, low and medium risk pass, high and critical risk ask a person, code runs in a
# sandbox. Needs countersign-rego.wasm.

package countersign

default decision := {"effect": "deny", "policies": []}

groups := {group | some group in input.action.properties.groups}

risk := input.context.risk

args := input.context.args

approved if input.context.approval

tool_call if "mcp:tools/call" in groups

# One that nobody declared.
tool_call if input.action.name == "mcp:tools/call"

transfer if input.action.name == "payments/transfer"

# ---- permits -------------------------------------------------------------------------------------------------------

permits contains "session" if "mcp:control" in groups

permits contains "session" if "mcp:list" in groups

permits contains "reads" if {
	"mcp:read" in groups
	risk in {"low", "medium"}
}

permits contains "tools" if tool_call

permits contains "code-in-a-sandbox" if code

code if {
	tool_call
	"code" in input.context.labels
}

obligations := [{"sandbox": "quarantine"} | code]

# ---- people --------------------------------------------------------------------------------------------------------

forbids["high-risk-asks-operator"] := {"approver": "operator", "reason": "The tool is of high risk."} if {
	tool_call
	risk == "high"
	not approved
}

forbids["critical-risk-asks-security"] := {"approver": "security", "reason": "The tool is of critical risk."} if {
	tool_call
	risk == "critical"
	not approved
}

# ---- an example of rules about arguments: replace by your own, or delete ---------------------------------------------

forbids["transfers-in-euro"] := {"reason": "Agents transfer euros only."} if {
	transfer
	args.currency != "EUR"
}

forbids["transfers-have-a-ceiling"] := {"reason": "Agents transfer 10000 at most."} if {
	transfer
	args.amount > 10000
}

forbids["transfers-are-positive"] := {"reason": "An amount below 1 is a mistake or a trick."} if {
	transfer
	args.amount < 1
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
