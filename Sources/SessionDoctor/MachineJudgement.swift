import Foundations

extension MachineFacts {
    /// A day before the first release: a clock that is before it was never set.
    private static let earliest = Timestamp(milliseconds: 1_767_225_600_000)
    private static let roomNeeded: UInt64 = 64 * 1_024 * 1_024
    private static let roomWanted: UInt64 = 1_024 * 1_024 * 1_024
    private static let descriptorsNeeded: UInt64 = 256
    private static let descriptorsWanted: UInt64 = 4_096

    /// What is wrong, the worst first; and what is in order.
    package var judgement: (diagnoses: [Diagnosis], good: [String]) {
        var (found, good): ([Diagnosis], [String]) = ([], [])
        for (name, diagnoses) in [
            ("configuration", configuration), ("storage", storageFindings), ("file modes", modes), ("free space", room),
            ("limits", limits), ("clock", clock), ("running cores", runningCores),
        ] {
            found += diagnoses
            if diagnoses.isEmpty { good.append(name + detail(of: name)) }
        }
        found += database
        return (found.filter { $0.severity == .bad } + found.filter { $0.severity == .advice }, good)
    }

    private func detail(of name: String) -> String {
        switch name {
        case "storage":
            if case .good(let text)? = storage { ": \(text)" } else { "" }
        case "free space": freeBytes.map { ": \($0 / 1_048_576) MiB" } ?? ""
        case "limits": descriptorLimit.map { ": \($0) descriptors" } ?? ""
        case "running cores": ": \(cores.count)"
        default: ""
        }
    }

    private func one(
        _ code: String, _ severity: Severity, _ summary: String, _ observed: [String] = [], fix: String
    ) -> Diagnosis {
        Diagnosis(
            code: code, severity: severity, summary: summary, observed: observed.map { Evidence.clean($0, limit: 400) },
            fix: fix)
    }

    private var configuration: [Diagnosis] {
        if let configurationProblem {
            return [
                one(
                    "M01", .bad, "A core does not start with this configuration.", [configurationProblem],
                    fix:
                        "Correct it; 'tessera config keys' prints every key, and 'tessera config show' where each value is from."
                )
            ]
        }
        return configurationNotes.map {
            one("M02", .advice, "The configuration works, with a note.", [$0], fix: "See docs/configuration.md.")
        }
    }

    private var storageFindings: [Diagnosis] {
        switch storage {
        case .bad(let reason)?:
            [
                one(
                    "M03", .bad, "The storage cannot be used.", [reason],
                    fix: "Do what the reason says; a copy is put back with 'tessera restore BACKUP' (docs/backup.md).")
            ]
        case .absent(let folder)?:
            [
                one(
                    "M04", .advice, "There is no database yet in \(folder).", [],
                    fix:
                        "The first start makes it. If there was one before, mount its volume or name it with --data-dir."
                )
            ]
        default: []
        }
    }

    private var modes: [Diagnosis] {
        let open = privateEntries.filter { $0.mode & 0o077 != 0 || !$0.isOwn }
        let read = secretFiles.filter { $0.mode & 0o007 != 0 }
        func shown(_ entries: [Entry]) -> [String] {
            entries.map { "\($0.path): mode \(String($0.mode, radix: 8))\($0.isOwn ? "" : ", of another user")" }
        }
        return
            (open.isEmpty
            ? []
            : [
                one(
                    "M05", .bad, "Other users of this machine may read or change the core's data.", shown(open),
                    fix: "chmod 700 the folder and 600 its files, and chown them to the user that runs the core.")
            ])
            + (read.isEmpty
                ? []
                : [
                    one(
                        "M06", .advice, "Other users of this machine can read a file with secrets.", shown(read),
                        fix: "chmod 600 (or 640 with the group of the core) the file.")
                ])
    }

    private var room: [Diagnosis] {
        guard let freeBytes, freeBytes < Self.roomWanted else { return [] }
        let isLittle = freeBytes < Self.roomNeeded
        return [
            one(
                "M07", isLittle ? .bad : .advice, "The disk of the data folder is nearly full.",
                ["\(freeBytes / 1_048_576) MiB are free"],
                fix: "Make room: on a full disk sign-ins and refreshes are refused (docs/decisions/0020).")
        ]
    }

    private var limits: [Diagnosis] {
        guard let descriptorLimit, descriptorLimit < Self.descriptorsWanted else { return [] }
        return [
            one(
                "M08", descriptorLimit < Self.descriptorsNeeded ? .bad : .advice,
                "A process may have only \(descriptorLimit) files and connections open.", ["RLIMIT_NOFILE (hard)"],
                fix: "Set LimitNOFILE=16384 in the unit, or nofile in limits.conf.")
        ]
    }

    private var clock: [Diagnosis] {
        let fix = "Set the clock by NTP (timedatectl set-ntp true, chrony) before a core starts: tokens expire by it."
        if time < Self.earliest { return [one("M09", .bad, "The clock of this machine was never set.", fix: fix)] }
        if let newestFile, newestFile > time + .minutes(5) {
            let ahead = (newestFile - time).count / 1_000
            return [
                one(
                    "M09", .bad, "The clock of this machine is behind its own files.",
                    ["a file of the data folder was written \(ahead) s from now"], fix: fix)
            ]
        }
        let far = cores.filter { $0.clockOffset.map { $0.count.magnitude > 5_000 } ?? false }
        return far.map {
            one("M09", .bad, "The clock of \($0.name) differs from this machine's by more than 5 s.", fix: fix)
        }
    }

    private var runningCores: [Diagnosis] {
        cores.filter { $0.status != 200 }.map { core in
            one(
                "M10", .bad, "\(core.name) runs and is not ready.",
                ["GET /health/ready: \(core.status.map { "\($0)" } ?? "no answer")"],
                fix: core.status == 503
                    ? "Its storage does not answer: see its log, and 'tessera doctor postgres' for a PostgreSQL database."
                    : "See its log; restart it if it does not answer for a minute.")
        }
    }
}
