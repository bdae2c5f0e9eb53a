package import Foundations

/// Deciding whether a session is bound to the device of a browser, and whether that device gets another bound cookie
/// (docs/decisions/0051).
package enum DeviceBinding {
    /// How long the browser keeps the bound cookie: less than it is accepted, for requests on their way and clocks that differ.
    package static let cookieAge = Milliseconds.seconds(570)
    /// How long after an authentication a request may be on its way that left before its session was bound: the life of an offer, and
    /// as long again for clocks that differ.
    static let registrationTime = Milliseconds.seconds(120)

    /// What a registration is answered.
    package enum Registration: Sendable, Equatable {
        /// The session is bound to this key.
        case bound
        /// The session has ended, or the offer is not that of its last authentication.
        case refused
        /// The session is bound to another key already.
        case taken
    }

    /// Decides a registration.
    ///
    /// Only the offer of the session's last authentication binds it, and only while it is bound to nothing: a copied jar has no
    /// offer, and nothing takes the place of the owner's key.
    ///
    /// - Parameters:
    ///   - key: the key of the device, which has made the proof.
    ///   - authenticated: the time in the offer that was signed.
    ///   - record: the session, as storage has it at this step.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    package static func register(
        _ key: DeviceKey, offeredAt authenticated: Timestamp, against record: SessionRecord?, at now: Timestamp,
        within terms: SessionTerms
    ) -> Decision<Registration> {
        guard let record, !record.isExpired(at: now, within: terms) else { return Decision(.keep, .refused) }
        switch record.traits.boundKey {
        case .device(key)?: return Decision(.keep, .bound)
        case .some: return Decision(.keep, .taken, audit: .bindingRefused(record, .otherKey, at: now))
        case nil: break
        }
        // An offer is made for one session and never before it was created.
        if let stepUp = record.traits.levelAt, authenticated < stepUp { return Decision(.keep, .refused) }
        var next = record
        next.traits.boundKey = .device(key)
        return Decision(.replace(next), .bound, audit: .bound(next, to: key, at: now))
    }

    /// What the request for another bound cookie is answered.
    package enum Renewal: Sendable, Equatable {
        /// The device has proved its key a short time ago.
        case proved
        /// Another proof is wanted, of a new challenge.
        case challenged
        /// There is no such session any more, or it is not bound to a device.
        case ended
    }

    /// Decides about another bound cookie; nothing is written but the audit event of a proof by another key.
    ///
    /// - Parameters:
    ///   - proof: what came as the proof; `nil` where none did.
    ///   - record: the session, as storage has it at this step.
    ///   - now: the time.
    ///   - noteKey: the secret of notes.
    ///   - terms: how long sessions live.
    package static func renew(
        with proof: String?, against record: SessionRecord?, at now: Timestamp, noteKey: [UInt8],
        within terms: SessionTerms
    ) -> Decision<Renewal> {
        guard let record, !record.isExpired(at: now, within: terms), case .device(let key)? = record.traits.boundKey
        else {
            return Decision(.keep, .ended)
        }
        guard let proof else { return Decision(.keep, .challenged) }
        guard let proof = DeviceProof(proof, by: key) else {
            return Decision(.keep, .challenged, audit: .bindingRefused(record, .noProof, at: now))
        }
        // An old challenge under a good signature is a browser that slept, and no attack.
        let note = DeviceNote.challenge.open(proof.challenge, at: now, key: noteKey)
        return Decision(.keep, note?.handle == record.handle ? .proved : .challenged)
    }

    /// What a request without a good bound cookie shows; one whose session has ended lacks it, as nothing of it is good.
    ///
    /// - Parameters:
    ///   - record: the session, as storage has it.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    package static func standing(
        withoutCookieIn record: SessionRecord?, at now: Timestamp, within terms: SessionTerms
    ) -> DeviceStanding {
        guard let record, !record.isExpired(at: now, within: terms), record.traits.boundKey?.kind != .dbsc else {
            return .unproved
        }
        return .unbound
    }
}

extension SessionRecord {
    /// When the user of the session was authenticated last, in whole or in part: an offer to bind it has this time.
    package var lastAuthentication: Timestamp { max(createdAt, traits.levelAt ?? createdAt) }
}
