package import Foundations

/// What a browser is given to hand back: notes that only the nodes of one app can make, so that nothing of it is stored
/// (docs/decisions/0051).
///
/// Each is 8 bytes of a time and the handle of a session under a purpose of its own. They are not encrypted: a handle is no secret.
package enum DeviceNote: String, Sendable, CaseIterable {
    /// What the proof of a registration signs; its time is that of the user's authentication.
    case offer = "tessera/dbsc-offer"
    /// What the browser calls the session; it has no time.
    case identifier = "tessera/dbsc-session"
    /// What the proof for the next bound cookie signs.
    case challenge = "tessera/dbsc-challenge"
    /// The value of the bound cookie.
    case cookie = "tessera/dbsc-cookie"

    /// By how much the clock of the node that made a note may be ahead.
    static let ahead = Milliseconds.seconds(60)

    /// How long a note is accepted; `nil` for one without a time.
    package var life: Milliseconds? {
        switch self {
        case .offer: .seconds(60)
        case .identifier: nil
        case .challenge, .cookie: .seconds(600)
        }
    }

    /// Makes a note.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - time: when; without effect where notes of this kind have no time.
    ///   - key: the secret.
    package func make(for handle: SessionHandle, at time: Timestamp, key: [UInt8]) -> String {
        let time = life == nil ? Timestamp(milliseconds: 0) : time
        return SealedNote.seal(time.bytes + Array(handle.rawValue.utf8), purpose: rawValue, key: key)
    }

    /// Reads a note; `nil` unless it is of this kind, was made with the key, and is still accepted.
    package func open(_ text: String, at now: Timestamp, key: [UInt8]) -> (handle: SessionHandle, time: Timestamp)? {
        read(text, key: key).flatMap { accepts($0.time, at: now) ? $0 : nil }
    }

    /// Reads a note of any time.
    func read(_ text: String, key: [UInt8]) -> (handle: SessionHandle, time: Timestamp)? {
        guard let body = SealedNote.open(text, purpose: rawValue, key: key), body.count > 8 else { return nil }
        return (
            SessionHandle(String(decoding: body.dropFirst(8), as: UTF8.self)), Timestamp(bytes: body.prefix(8))
        )
    }

    /// Whether a note of a time is accepted now.
    func accepts(_ time: Timestamp, at now: Timestamp) -> Bool {
        guard let life else { return true }
        let age = now - time
        return age <= life && age >= Milliseconds(0) - Self.ahead
    }
}
