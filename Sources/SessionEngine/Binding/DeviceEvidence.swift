public import Foundations

/// What the request of a browser brings of the credentials that are bound to its device.
public struct PresentedDevice: Sendable, Hashable, Redacted {
    /// The value of the bound cookie; `nil` where none came, or more than one.
    public var cookie: String?
    /// Whether the browser says that it did not renew the cookie now (`Secure-Session-Skipped`).
    ///
    /// Anyone can send that: it only changes what a refusal looks like.
    public var wasSkipped = false
    /// Whether the application only wants to know what would be refused.
    public var reportsOnly = false
    /// Whether the answer may have an offer to bind the session, where its user was just authenticated.
    public var wantsOffer = false

    /// Nothing.
    public init() {}

    /// Whether a text has the form of a bound cookie; what a client sends is passed on only then.
    package static func mayBeCookie(_ text: String) -> Bool {
        text.utf8.count <= 1_024 && Base64.url.decode(text.utf8) != nil
    }

    /// What is shown at a time.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - key: the secret of notes.
    package func judged(at now: Timestamp, key: [UInt8]) -> DeviceEvidence {
        var evidence = DeviceEvidence(wasSkipped: wasSkipped, reportsOnly: reportsOnly)
        guard let note = cookie.flatMap({ DeviceNote.cookie.read($0, key: key) }) else { return evidence }
        if DeviceNote.cookie.accepts(note.time, at: now) { evidence.handle = note.handle }
        evidence.isKept = !DeviceNote.cookie.isOld(note.time, at: now)
        return evidence
    }
}

/// What a request shows about the device of its browser.
public struct DeviceEvidence: Sendable, Hashable {
    /// The session for whose device the bound cookie was made a short time ago; `nil` without a good one.
    var handle: SessionHandle?
    /// Whether there is a bound cookie that the browser may keep and not renew yet: of any session, or of a clock that was ahead.
    var isKept = false
    /// Whether the browser says that it did not renew the cookie now.
    var wasSkipped = false
    /// Whether a refusal is only noted.
    var reportsOnly = false

    /// Nothing is shown.
    public static let none = DeviceEvidence()

    /// Why nothing is given in a session that is bound to a device; `nil` where it may.
    ///
    /// A request that left before its session was bound is not one of a copied jar, and neither is one whose cookie is that of the
    /// session before: both get nothing, and keep what they have.
    ///
    /// - Parameters:
    ///   - record: the session.
    ///   - now: the time.
    func refusal(of record: SessionRecord, at now: Timestamp) -> ProofRefusal? {
        if handle == record.handle { return nil }
        if wasSkipped { return .skipped }
        let hasOffer = !DeviceNote.offer.isOld(
            record.lastAuthentication, at: now + (Milliseconds(0) - DeviceNote.ahead))
        return isKept || hasOffer ? .notYet : .noCookie
    }
}
