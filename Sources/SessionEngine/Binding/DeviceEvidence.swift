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
        var evidence = DeviceEvidence(reportsOnly: reportsOnly)
        if let note = cookie.flatMap({ DeviceNote.cookie.read($0, key: key) }) {
            let isAccepted = DeviceNote.cookie.accepts(note.time, at: now)
            if isAccepted { evidence.handle = note.handle }
            // A browser renews no cookie that it keeps, whatever is wrong with the clocks.
            evidence.refusal = isAccepted || note.time > now ? .notYet : .old
        }
        if wasSkipped { evidence.refusal = .skipped }
        return evidence
    }
}

/// What a request shows about the device of its browser.
public struct DeviceEvidence: Sendable, Hashable {
    /// The session for whose device the bound cookie was made a short time ago; `nil` without a good one.
    var handle: SessionHandle?
    /// Why it shows nothing of another session.
    var refusal = ProofRefusal.noCookie
    /// Whether a refusal is only noted.
    var reportsOnly = false

    /// Nothing is shown.
    public static let none = DeviceEvidence()

    /// Why nothing is given in a session that is bound to a device; `nil` where it may.
    ///
    /// A request that left before its session was bound is not one of a copied jar, and neither is one whose browser still keeps a
    /// cookie: both get nothing, and keep what they have.
    ///
    /// - Parameters:
    ///   - record: the session.
    ///   - now: the time.
    func refusal(of record: SessionRecord, at now: Timestamp) -> ProofRefusal? {
        if handle == record.handle { return nil }
        let mayBeOvertaken = now - record.lastAuthentication <= DeviceBinding.registrationTime
        return refusal == .noCookie && mayBeOvertaken ? .notYet : refusal
    }
}
