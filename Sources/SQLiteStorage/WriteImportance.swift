import SessionEngine
import SessionStorage

/// What becomes of a write when there is not room for every one (docs/decisions/0020).
enum WriteImportance: Sendable {
    /// It is refused before it takes the room that vital writes may need.
    case ordinary
    /// It ends what must not continue, or says that it was noticed, or makes room: the reserve is kept for it.
    case vital
}

extension Decision {
    /// A session that ends and a superseded refresh token that is reused are vital; everything else is ordinary.
    var importance: WriteImportance { change == .remove || audit?.name == .reuseDetected ? .vital : .ordinary }
}

extension SigningKeyChange {
    /// The end of keys is vital, unless others begin with it.
    var importance: WriteImportance { added.isEmpty && updated.isEmpty ? .vital : .ordinary }
}
