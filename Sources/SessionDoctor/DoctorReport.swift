import Foundations
import LosslessJSON

/// What the doctor says: what it found, and what it could not look at.
package struct DoctorReport: Sendable, Hashable {
    /// What was examined, such as `https://api.example.com/auth for https://app.example.com`.
    package var subject: String
    package var diagnoses: [Diagnosis]
    /// What was not examined, and how it would be.
    package var notExamined: [String]
    /// What was found in order; only of a machine.
    package var good: [String]

    package init(subject: String, diagnoses: [Diagnosis], notExamined: [String] = [], good: [String] = []) {
        (self.subject, self.diagnoses, self.notExamined, self.good) = (subject, diagnoses, notExamined, good)
    }

    /// Whether nothing is in the way of sessions; advice is not.
    package var isWell: Bool { !diagnoses.contains { $0.severity == .bad } }

    /// For people: one line for each finding, with what was seen and what to do below it.
    package var text: String {
        var lines = [subject, ""] + good.map { "ok      \($0)" }
        for found in diagnoses {
            lines.append("\(found.severity == .bad ? "BAD   " : "advice")  \(found.code)  \(found.summary)")
            lines += found.observed.map { "        seen: \($0)" }
            lines += ["        fix:  \(found.fix)", "        see:  \(found.page)"]
        }
        if diagnoses.isEmpty { lines.append("Nothing found.") }
        if !notExamined.isEmpty { lines.append("") }
        lines += notExamined.map { "Not examined: \($0)" }
        return lines.map(Self.printable).joined(separator: "\n") + "\n"
    }

    /// A line without what would move the cursor: values of the examined server are in it.
    private static func printable(_ line: String) -> String {
        String(String.UnicodeScalarView(line.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }

    /// The same for programs, in one line.
    package var json: String {
        let found = diagnoses.map { found in
            JSONValue.object([
                "code": .string(found.code), "severity": .string(found.severity.rawValue.lowercased()),
                "summary": .string(found.summary), "observed": .array(found.observed.map { .string($0) }),
                "fix": .string(found.fix), "page": .string(found.page),
            ])
        }
        return JSONValue.object([
            "subject": .string(subject), "isWell": .bool(isWell), "diagnoses": .array(found),
            "notExamined": .array(notExamined.map { .string($0) }), "good": .array(good.map { .string($0) }),
        ]).text
    }
}
