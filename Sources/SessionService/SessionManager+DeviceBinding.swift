public import SessionEngine
import SessionStorage

extension SessionManager {
    /// What a browser's device may sign so that a session is bound to it: where that is wanted, its user has signed in, and it is bound
    /// to nothing.
    func offer(for record: SessionRecord, wanted: Bool) -> String? {
        guard wanted, record.traits.boundKey == nil,
            record.traits.flags.isDisjoint(with: [.anonymous, .impersonated])
        else { return nil }
        return DeviceNote.offer.make(for: record.handle, at: record.lastAuthentication, key: refreshTokenKey.nonceKey)
    }

    /// Binds a session to the device that has signed its offer, in one step of storage (docs/decisions/0051).
    ///
    /// - Parameter registration: the proof and the session of its request.
    /// - Returns: what the browser is given; `nil` where nothing was bound.
    /// - Throws: ``ServiceError``: the outcome is then unknown, and the browser gives up this time.
    public func register(_ registration: DeviceRegistration) async throws(ServiceError) -> DeviceCredentials? {
        let (now, key) = (clock.time(), refreshTokenKey.nonceKey)
        var offered: (handle: SessionHandle, time: Timestamp)?
        let proof = DeviceProof(registration: registration.proof) { challenge in
            offered = DeviceNote.offer.open(challenge, at: now, key: key)
            return offered?.handle == registration.handle
        }
        guard let proof, let offer = offered else { return nil }
        let (terms, number) = (policy.terms, refusals.nextRequest())
        let outcome = try await update(offer.handle) { [refusals] record, now in
            let decided = DeviceBinding.register(
                proof.key, offeredAt: offer.time, against: record, at: now, within: terms)
            return refusals.limited(decided, of: offer.handle, by: number, at: now)
        }
        return outcome == .bound ? credentials(for: offer.handle) : nil
    }

    /// Gives a browser another bound cookie for a proof of its device.
    ///
    /// - Parameter renewal: what the browser calls the session, and its proof.
    /// - Throws: ``ServiceError``: the browser then keeps what it has, and tries again later.
    public func renew(_ renewal: DeviceRenewal) async throws(ServiceError) -> DeviceRenewal.Answer {
        let key = refreshTokenKey.nonceKey
        guard let handle = DeviceNote.identifier.open(renewal.identifier, at: clock.time(), key: key)?.handle,
            renewal.handle == nil || renewal.handle == handle
        else { return .ended }
        let (terms, number) = (policy.terms, refusals.nextRequest())
        let outcome = try await update(handle) { [refusals] record, now in
            let decided = DeviceBinding.renew(
                with: renewal.proof, against: record, at: now, noteKey: key, within: terms)
            return refusals.limited(decided, of: handle, by: number, at: now)
        }
        switch outcome {
        case .proved: return .renewed(credentials(for: handle))
        case .challenged: return .challenge(DeviceNote.challenge.make(for: handle, at: clock.time(), key: key))
        case .ended: return .ended
        }
    }

    /// What a request shows of the device of its session; storage is read only where it has no good cookie.
    ///
    /// - Parameters:
    ///   - cookie: the value of the bound cookie; `nil` where none came.
    ///   - handle: the session of the request.
    /// - Throws: ``ServiceError``.
    public func standing(
        of cookie: String?, in handle: SessionHandle
    ) async throws(ServiceError) -> DeviceStanding {
        let now = clock.time()
        let note = cookie.flatMap { DeviceNote.cookie.open($0, at: now, key: refreshTokenKey.nonceKey) }
        if note?.handle == handle { return .proved }
        let record = try await storing { () async throws(StorageError) in try await storage.session(handle) }
        return DeviceBinding.standing(withoutCookieIn: record, at: now, within: policy.terms)
    }

    private func credentials(for handle: SessionHandle) -> DeviceCredentials {
        let (now, key) = (clock.time(), refreshTokenKey.nonceKey)
        return DeviceCredentials(
            identifier: DeviceNote.identifier.make(for: handle, at: now, key: key),
            cookie: DeviceNote.cookie.make(for: handle, at: now, key: key),
            challenge: DeviceNote.challenge.make(for: handle, at: now, key: key),
            cookieSeconds: DeviceBinding.cookieAge.count / 1_000)
    }
}
