public import SessionEngine

/// A backend that binds sessions to the devices of browsers: both of Tessera's do, with this project's core (docs/dbsc.md).
public protocol DeviceBindingBackend: SessionBackend {
    /// Binds a session to the device that has signed its offer.
    ///
    /// - Parameter registration: the proof and the session of its request.
    /// - Returns: what the browser is given; `nil` where nothing was bound.
    /// - Throws: ``SessionError/misconfigured(_:)`` where the core knows no such thing; an internal error.
    func register(_ registration: DeviceRegistration) async throws(SessionError) -> DeviceCredentials?

    /// Gives a browser another bound cookie for a proof of its device, or asks for one.
    ///
    /// - Parameter renewal: what the browser calls the session, and its proof.
    /// - Throws: as ``register(_:)``.
    func renew(_ renewal: DeviceRenewal) async throws(SessionError) -> DeviceRenewal.Answer

    /// What a request shows of the device of its session.
    ///
    /// - Parameters:
    ///   - cookie: the value of the bound cookie; `nil` where none came, or more than one.
    ///   - handle: the session of the request.
    /// - Throws: as ``register(_:)``.
    func standing(of cookie: String?, in handle: SessionHandle) async throws(SessionError) -> DeviceStanding
}
