public import Foundations
import LosslessJSON

/// What is kept about the device of a session; personal data, so it prints as `<redacted>`.
///
/// It is in no token, log, metric or audit entry, it ends with its session, and it can be forgotten before
/// (docs/decisions/0041).
public struct SessionDevice: Sendable, Hashable, Redacted {
    /// What its user or the application calls it; at most 64 characters.
    public var givenLabel: String?
    /// What its `User-Agent` header says in words, such as `Firefox on Linux`.
    public var derivedLabel: String?
    /// Its `User-Agent` header, at most 256 bytes.
    public var userAgent: String?
    /// The address, or the network, of the first request that named one.
    public var firstAddress: String?
    /// The address, or the network, of the last one.
    public var lastAddress: String?
    /// Where it was, as two letters.
    public var country: String?

    /// A device of which nothing is known.
    public init() {}

    /// What a user is shown: the given label, else the derived one.
    public var label: String { givenLabel ?? derivedLabel ?? DeviceLabel.unknown }

    /// What is kept after an application has said something about the client; `nil` for nothing.
    ///
    /// What was stored is cut too, so a stricter choice reaches each session with its next rotation.
    ///
    /// - Parameters:
    ///   - facts: what the application says.
    ///   - privacy: how much is kept.
    package func updated(by facts: ClientFacts, keeping privacy: DevicePrivacy) -> SessionDevice? {
        var next = SessionDevice()
        next.givenLabel = givenLabel ?? facts.label.flatMap(Self.label)
        next.lastAddress = facts.address.flatMap(privacy.kept) ?? lastAddress.flatMap(privacy.kept)
        next.firstAddress = firstAddress.flatMap(privacy.kept) ?? next.lastAddress
        if privacy.userAgent != .off {
            let hasNews = facts.userAgent != nil || facts.platform != nil
            next.derivedLabel =
                hasNews ? DeviceLabel.derive(from: facts.userAgent, platform: facts.platform) : derivedLabel
            let agent = facts.userAgent.map { Self.cleaned($0, bytes: 256) }.flatMap { $0.isEmpty ? nil : $0 }
            next.userAgent = privacy.userAgent == .full ? agent ?? userAgent : nil
        }
        if privacy.keepsCountry { next.country = facts.country.flatMap(Self.country) ?? country }
        return next == SessionDevice() ? nil : next
    }

    /// A label as it is kept: without what is invisible or turns the direction of a text, and cut; `nil` for none.
    package static func label(_ text: String) -> String? {
        let cleaned = String(cleaned(text, bytes: 256).prefix(64)).trimmingSpaces
        return cleaned.isEmpty ? nil : cleaned
    }

    private static func country(_ text: String) -> String? {
        let isCode = text.utf8.count == 2 && text.utf8.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 & 0xdf }
        return isCode ? text.uppercased() : nil
    }

    /// A text without control characters and without those that turn its direction, cut at a whole character.
    private static func cleaned(_ text: String, bytes most: Int) -> String {
        // Nearly every agent and label.
        if text.utf8.prefix(most + 1).allSatisfy({ (0x20...0x7E).contains($0) }) {
            return String(decoding: text.utf8.prefix(most), as: UTF8.self)
        }
        var (cleaned, count) = ("", 0)
        for character in text.prefix(4 * most) {
            let scalars = String.UnicodeScalarView(character.unicodeScalars.filter(isShown))
            count += String(scalars).utf8.count
            if count > most { break }
            cleaned.unicodeScalars += scalars
        }
        return cleaned
    }

    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: false
        case .format: scalar.value == 0x200d
        default: true
        }
    }
}

// In storage it is one text, an object of JSON.
extension SessionDevice {
    private enum Name: String, CaseIterable {
        case given, derived, agent, first, last, country

        var path: WritableKeyPath<SessionDevice, String?> {
            switch self {
            case .given: \.givenLabel
            case .derived: \.derivedLabel
            case .agent: \.userAgent
            case .first: \.firstAddress
            case .last: \.lastAddress
            case .country: \.country
            }
        }
    }

    /// The text for storage.
    package var stored: String {
        var object = JSONObject()
        for name in Name.allCases {
            if let value = self[keyPath: name.path] { object[name.rawValue] = .string(value) }
        }
        return JSONObjectText(object).text
    }

    /// Reads the text of storage; what cannot be read is nothing known.
    package init?(stored text: String) {
        guard let object = try? JSONValue(parsing: text).object else { return nil }
        for name in Name.allCases { self[keyPath: name.path] = object[name.rawValue]?.string }
        if self == SessionDevice() { return nil }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
