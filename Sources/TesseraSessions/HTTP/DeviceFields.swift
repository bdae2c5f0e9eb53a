import HTTPTypes
import LosslessJSON
import SessionEngine

/// The fields of Device Bound Session Credentials, as browsers send and read them (docs/dbsc.md).
enum DeviceFields {
    /// A text that a browser sent; `nil` where the field did not come.
    ///
    /// The specification has it in quotes and Chromium sends it without: both are read, with one layer of quotes and no
    /// parameters. What came twice, or has another form, is the empty text, which is good for nothing.
    static func text(_ name: HTTPField.Name, of request: HTTPRequest) -> String? {
        let values = request.headerFields[values: name]
        guard let value = values.first else { return nil }
        guard values.count == 1 else { return "" }
        let isQuoted = value.utf8.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
        let inner = isQuoted ? value.dropFirst().dropLast() : value[...]
        return inner.utf8.allSatisfy(isPlain) ? String(inner) : ""
    }

    /// Whether a byte may be in a token, a note or a JWT: none of them has quotes, blanks, commas or semicolons.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"\"\\,;".utf8.contains(byte)
    }

    /// What asks a browser to bind a session: the path to register at, and what its device signs.
    static func offer(_ challenge: String, at path: String) -> String {
        "(ES256);path=\"\(path)\";challenge=\"\(challenge)\""
    }

    /// What the device signs next, for one session.
    static func challenge(_ challenge: String, for identifier: String) -> String {
        "\"\(challenge)\";id=\"\(identifier)\""
    }

    /// What ends the session's binding in the browser, and nothing else of it.
    static func end(of identifier: String) -> JSONObject {
        ["session_identifier": .string(identifier), "continue": false]
    }

    /// What a browser has to know about a session: which cookie is missing when, and where it is renewed.
    ///
    /// - Parameters:
    ///   - identifier: what the browser calls the session.
    ///   - settings: where the application lives.
    ///   - cookie: the bound cookie, whose attributes have to be those that are named here.
    static func instructions(_ identifier: String, _ settings: SessionSettings, _ cookie: SetCookie) -> JSONObject {
        let api = settings.app.apiDomain
        // The URL of the renewal is never in the scope; that of the registration has to be left out by a rule.
        let folder = String(settings.devicePath(.deviceRegistration).reversed().drop { $0 != "/" }.reversed())
        let excluded = [folder] + settings.configuration.deviceBindingExcludedPaths
        let rules = excluded.map { path -> JSONValue in
            ["type": "exclude", "domain": .string(api.host), "path": .string(path)]
        }
        let attributes = "Path=\(cookie.path); Secure; HttpOnly; SameSite=\(cookie.sameSite.rawValue)"
        var object: JSONObject = [
            "session_identifier": .string(identifier),
            "refresh_url": .string(settings.devicePath(.deviceRenewal)),
            "scope": [
                "origin": .string(api.text), "include_site": false, "scope_specification": .array(rules),
            ],
            "credentials": [
                ["type": "cookie", "name": .string(cookie.name), "attributes": .string(attributes)]
            ],
        ]
        let initiators = settings.deviceInitiators
        if !initiators.isEmpty {
            object.append("allowed_refresh_initiators", .array(initiators.map { .string($0) }))
        }
        return object
    }
}
