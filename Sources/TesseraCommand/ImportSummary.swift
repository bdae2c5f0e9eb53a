import SessionImport

/// What an operator reads at the end of an import or of a dry run.
struct ImportSummary {
    let plan: ImportPlan
    let source: String
    let target: String

    /// After a dry run.
    func printPlan() {
        Swift.print("Dry run: nothing was written.")
        show([
            ("Source", source), ("Target", target),
            ("Apps", "\(plan.apps.count)"), ("Tenants", "\(plan.apps.reduce(0) { $0 + $1.tenants.count })"),
            ("Signing keys", "\(plan.apps.reduce(0) { $0 + $1.signingKeys.count })"),
            ("Sessions", "\(plan.sessions) to import"), ("Expired", "\(plan.expired) skipped"),
            ("Refused", "\(plan.refused.count)"),
        ])
        showDetails(plan.refused)
    }

    /// After an import.
    func print(_ report: ImportReport) {
        Swift.print("Import finished.")
        var lines = [
            ("Source", source), ("Target", target),
            ("Apps", "\(plan.apps.count)"), ("Tenants", "\(plan.apps.reduce(0) { $0 + $1.tenants.count })"),
            ("Signing keys", "\(report.keys)"), ("Sessions", "\(report.imported) imported"),
        ]
        if report.skippedRows > 0 { lines.append(("", "\(report.skippedRows) rows done by an earlier run")) }
        if report.alreadyThere > 0 { lines.append(("", "\(report.alreadyThere) were there already")) }
        if report.newerThere > 0 { lines.append(("", "\(report.newerThere) have been used here since and stay")) }
        lines.append(("Expired", "\(report.expired) skipped"))
        // Keys were refused when the plan was made, sessions are counted again while they are written.
        let refused = plan.refused.merging(report.refused)
        lines.append(("Refused", "\(refused.count)"))
        show(lines)
        showDetails(refused)
    }

    private func showDetails(_ refused: RefusalTally) {
        for (refusal, entry) in refused.entries.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            Swift.print("  Not imported   \(entry.count): \(refusal.rawValue) (first at line \(entry.firstLine))")
        }
        for warning in plan.warnings { Swift.print("  Note           \(warning)") }
        let others = plan.otherTables.filter { $0.rows > 0 }
        if !others.isEmpty {
            let list = others.map { "\($0.name) (\($0.rows))" }.joined(separator: ", ")
            Swift.print("  Other tables   not for a session core, not imported: \(list)")
        }
    }

    private func show(_ lines: [(String, String)]) {
        for (name, value) in lines {
            Swift.print("  \(name)\(String(repeating: " ", count: max(1, 15 - name.count)))\(value)")
        }
    }
}
