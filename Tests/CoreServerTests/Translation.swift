import CoreServer
import LosslessJSON

/// From the values of a recording to those of this run.
struct Translation {
    private var values: [String: String] = [:]

    /// Learns a pair; false when the recorded value is known to be another one here.
    mutating func learn(_ recorded: String, _ actual: String) -> Bool {
        if let known = values[recorded] { return known == actual }
        return relearn(recorded, actual)
    }

    /// Learns a pair, whatever the recorded value was before; false when the two have another shape.
    @discardableResult
    mutating func relearn(_ recorded: String, _ actual: String) -> Bool {
        values[recorded] = actual
        let theirs = recorded.split(separator: ".", omittingEmptySubsequences: false)
        let ours = actual.split(separator: ".", omittingEmptySubsequences: false)
        guard theirs.count == ours.count else { return false }
        if theirs.count == 3 {
            for (left, right) in zip(theirs, ours) where left.count > 8 { values[String(left)] = String(right) }
        }
        return true
    }

    func translated(_ handles: [JSONValue]) -> Set<JSONValue> {
        Set(handles.map { .string(translated($0.string ?? "")) })
    }

    func translated(_ request: CoreRequest) -> CoreRequest {
        var request = request
        if let body = try? JSONValue(parsing: request.body) { request.body = translated(body).serialized() }
        request.query = request.query.map { query in
            query.split(separator: "&").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1)
                return parts.count == 2 ? "\(parts[0])=\(translated(String(parts[1])))" : String(pair)
            }.joined(separator: "&")
        }
        return request
    }

    private func translated(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(translated(text))
        case .array(let elements): .array(elements.map(translated))
        case .object(let object):
            .object(JSONObject(object.members.map { .init(name: $0.name, value: translated($0.value)) }))
        default: value
        }
    }

    /// A known value, a token with known parts, or a known part that somebody has tampered with.
    private func translated(_ text: String) -> String {
        if let known = values[text] { return known }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { return tampered(text) ?? text }
        return parts.map { values[$0] ?? tampered($0) ?? $0 }.joined(separator: ".")
    }

    /// Makes the same change to our value that was made to the recorded one.
    private func tampered(_ part: String) -> String? {
        guard part.count > 16 else { return nil }
        for (recorded, actual) in values where recorded.count == part.count && actual.count == part.count {
            let theirs = Array(recorded)
            let changed = Array(part)
            let places = theirs.indices.filter { theirs[$0] != changed[$0] }
            guard places.count <= 2 else { continue }
            var ours = Array(actual)
            for place in places { ours[place] = ours[place] == changed[place] ? "B" : changed[place] }
            return String(ours)
        }
        return nil
    }
}
