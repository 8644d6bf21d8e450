export * from '../../exchange/contract.ts';
