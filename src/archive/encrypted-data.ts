/** The data packet of an encrypted message, whose body is read as it is asked for, once. */
export interface EncryptedData {
  /** False if that key (of AES: 16, 24 or 32 bytes) is certainly not the right one. */
  mayOpenWith(sessionKey: Uint8Array): boolean;
  /**
   * The packets inside: authentic only once the end is reached, as integrity codes are checked until then. Rejects
   * with "verification-failed".
   */
  packets(sessionKey: Uint8Array): AsyncGenerator<Buffer, void>;
}
