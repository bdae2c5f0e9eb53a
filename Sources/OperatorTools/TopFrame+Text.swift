extension TopFrame {
    /// The frame as a text; the last line ends with a line feed.
    ///
    /// - Parameters:
    ///   - width: columns of the terminal; lines are cut there.
    ///   - isColored: whether the terminal takes colors (ECMA-48).
    package func text(width: Int = 80, isColored: Bool = false) -> String {
        let paint = Paint(isOn: isColored)
        var lines = [header, process, ""]
        lines += table("operation", operations, width) + [""]
        let live = gauge("tessera_live_sessions").map { "live \($0)" }
        lines.append("answers   " + listed(rates(outcomes)))
        lines.append("sessions  " + listed([live] + rates(sessionRates)))
        lines.append("keys      " + listed(keys))
        lines += [""] + table("storage", storage, width)
        lines.append("errors    \(Figure.rate(storageErrors))/s" + connectionStates)
        return lines.enumerated().map { index, line in
            let cut = String(line.prefix(max(20, width)))
            if index == 0 { return paint.bold(cut) }
            if line.hasPrefix("operation ") || line.hasPrefix("storage ") { return paint.dim(cut) }
            return isAlarming(line) ? paint.red(cut) : cut
        }.joined(separator: "\n") + "\n"
    }

    private func isAlarming(_ line: String) -> Bool {
        line.hasPrefix("requests") && gauges["tessera_storage_up"] == 0 || line.hasPrefix("errors") && storageErrors > 0
    }

    private var header: String {
        let up = uptime.map { "  up \(Figure.span($0))" } ?? ""
        return "tessera \(version ?? "")\(up)\(isSinceStart ? "  averages since the start" : "")"
    }

    private var process: String {
        let storage = gauges["tessera_storage_up"].map { $0 == 1 ? "storage up" : "STORAGE DOWN" }
        let open = gauge("process_open_fds").map {
            "files \($0)" + (gauge("process_max_fds").map { " of \($0)" } ?? "")
        }
        return listed([
            "requests \(Figure.rate(requestRate))/s", gauge("tessera_requests_in_flight").map { "in flight \($0)" },
            gauge("tessera_connections").map { "connections \($0)" }, storage,
            processors.map { "CPU \(Figure.rate($0 * 100)) %" },
            gauges["process_resident_memory_bytes"].map { "\(Figure.whole($0 / 1_048_576)) MiB" }, open,
        ])
    }

    private var keys: [String?] {
        let states = gauges.filter { $0.key.hasPrefix("keys ") && $0.value != 0 }.sorted { $0.key < $1.key }
        return [gauges["key age"].map { "newest dynamic \(Figure.span($0))" }]
            + states.map { "\($0.key.dropFirst(5)) \(Figure.whole($0.value))" }
    }

    private var connectionStates: String {
        let states = gauges.filter { $0.key.hasPrefix("storage ") }.sorted { $0.key < $1.key }
        return states.map { "  connections \($0.key.dropFirst(8)) \(Figure.whole($0.value))" }.joined()
    }

    private func gauge(_ name: String) -> String? { gauges[name].map(Figure.whole) }

    private func listed(_ parts: [String?]) -> String { parts.compactMap(\.self).joined(separator: "  ") }
    private func rates(_ found: [(String, Double)]) -> [String?] { found.map { "\($0.0) \(Figure.rate($0.1))/s" } }

    private func table(_ title: String, _ rows: [Operation], _ width: Int) -> [String] {
        let most = rows.map(\.rate).max() ?? 0
        let room = max(0, min(24, width - 56))
        let head = Figure.left(title, 26) + Figure.right("/s", 10) + Figure.right("p50", 10) + Figure.right("p99", 10)
        return [head]
            + rows.prefix(12).map { row in
                // The page is another process's: a rate may be infinite, and a share of that no number.
                let share = row.rate / most
                let length = share > 0 ? max(1, Int((min(share, 1) * Double(room)).rounded())) : 0
                let bar = room > 0 ? "  " + String(repeating: "#", count: length) : ""
                return Figure.left(row.name, 26) + Figure.right(Figure.rate(row.rate), 10)
                    + Figure.right(Figure.duration(row.median), 10) + Figure.right(Figure.duration(row.p99), 10) + bar
            }
    }
}

/// Colors, or none.
private struct Paint {
    let isOn: Bool

    func bold(_ text: String) -> String { code("1", text) }
    func dim(_ text: String) -> String { code("2", text) }
    func red(_ text: String) -> String { code("31", text) }

    private func code(_ number: String, _ text: String) -> String { isOn ? "\u{1B}[\(number)m\(text)\u{1B}[0m" : text }
}

/// Numbers as people read them.
package enum Figure {
    /// A number without a fraction, with its thousands apart.
    package static func whole(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 1e15 else { return "-" }
        let digits = Array(String(Int64(value.rounded().magnitude)))
        let groups = stride(from: digits.count, to: 0, by: -3).map { String(digits[max(0, $0 - 3)..<$0]) }
        return (value < -0.5 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    /// A rate: one digit after the point below 100.
    package static func rate(_ value: Double) -> String {
        guard value.isFinite, value.magnitude < 100, value != value.rounded() else { return whole(value) }
        let tenths = Int64((value * 10).rounded().magnitude)
        return "\(value < 0 ? "-" : "")\(tenths / 10).\(tenths % 10)"
    }

    /// Seconds as microseconds, milliseconds or seconds.
    package static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0 else { return "-" }
        if seconds < 0.000_999_5 { return "\(whole(seconds * 1_000_000)) us" }
        return seconds < 0.999_5 ? "\(rate(seconds * 1_000)) ms" : "\(rate(seconds)) s"
    }

    /// A name from a page, without what would move the cursor or color the terminal.
    package static func name(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }

    /// A long time in its two largest units.
    package static func span(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "-" }
        let whole = Int64(seconds)
        let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60)
        if days > 0 { return "\(days) d \(hours) h" }
        return hours > 0 ? "\(hours) h \(minutes) min" : minutes > 0 ? "\(minutes) min \(whole % 60) s" : "\(whole) s"
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
